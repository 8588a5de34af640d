image: fx/x
environment:
  ${user.name}: "1"
labels:
  - ${user.name}=1
  - ${user.name}
1: 2
#! 3:3: environment: placeholders are not filled in inside keys
#! 5:5: labels.0: a placeholder may stand after the = only, never in the name
#! 6:5: labels.1: a placeholder may stand after the = only, never in the name
#! 7:1: keys are plain text; put this one in quotes
