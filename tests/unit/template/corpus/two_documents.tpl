image: fx/x
---
image: fx/y
