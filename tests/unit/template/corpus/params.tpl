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
#! 3:3: params.Upper: 'Upper' is not valid here: it must match ^[a-z][a-z0-9_-]{0,63}$
#! 4:12: params.no_type: must say its type
#! 5:8: params.odd: unknown type: must be one of string, integer, number, boolean, size, duration, choice
#! 6:36: params.choices.choices: too few entries: 1 at least
#! 7:34: params.twice.choices: a value stands here twice
#! 8:34: params.bool.default: must be true or false
#! 9:35: params.number.default: must be a number
#! 10:26: params.extra.pattern: unknown key
