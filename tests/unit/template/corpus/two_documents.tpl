image: fx/x
---
image: fx/y
#! 2:1: not YAML: but found another document expected a single document in the stream
