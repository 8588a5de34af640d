image: fx/x
params:
  low: {type: size, default: 1g, min: 2g}
  crossed: {type: integer, min: 3, max: 2}
  pattern: {type: string, pattern: "("}
  look: {type: string, pattern: "(?=a)b"}
  other: {type: string, pattern: "[a-z]+", default: "A"}
  one: {type: choice, choices: [a, b], default: c}
#! 3:30: params.low.default: the default must be at least 2g
#! 4:33: params.crossed.min: min is above max
#! 5:36: params.pattern.pattern: not a usable pattern (no look-around, no back-references): unclosed group
#! 6:33: params.look.pattern: not a usable pattern (no look-around, no back-references): look-around, including look-ahead and look-behind, is not supported
#! 7:53: params.other.default: the default must be text that matches [a-z]+
#! 8:49: params.one.default: the default must be one of a, b
