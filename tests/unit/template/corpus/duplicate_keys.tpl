image: fx/x
environment:
  A: 1
  B: 2
  A: 3
labels: [a=1, a=2]
image: fx/y
#! 5:3: environment.A: the key stands here twice
#! 6:15: labels.1: a stands here twice
#! 7:1: image: the key stands here twice
