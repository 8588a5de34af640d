%YAML 1.1
---
image: fx/x
