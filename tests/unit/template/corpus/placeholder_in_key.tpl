image: fx/x
environment:
  ${user.name}: "1"
labels:
  - ${user.name}=1
  - ${user.name}
1: 2
