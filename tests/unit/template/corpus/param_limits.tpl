image: fx/x
params:
  low: {type: size, default: 1g, min: 2g}
  crossed: {type: integer, min: 3, max: 2}
  pattern: {type: string, pattern: "("}
  look: {type: string, pattern: "(?=a)b"}
  other: {type: string, pattern: "[a-z]+", default: "A"}
  one: {type: choice, choices: [a, b], default: c}
