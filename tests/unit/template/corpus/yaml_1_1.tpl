%YAML 1.1
---
image: fx/x
#! 1:1: templates are YAML 1.2
