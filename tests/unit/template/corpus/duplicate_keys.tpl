image: fx/x
environment:
  A: 1
  B: 2
  A: 3
labels: [a=1, a=2]
image: fx/y
