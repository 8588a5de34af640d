image: fx/x
params:
  Upper: {type: string}
  no_type: {default: 1}
  odd: {type: uuid}
  choices: {type: choice, choices: []}
  twice: {type: choice, choices: [a, a]}
  bool: {type: boolean, default: "yes"}
  number: {type: number, default: .nan}
  extra: {type: integer, pattern: x}
