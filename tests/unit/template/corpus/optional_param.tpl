image: fx/x
params:
  a: {type: string}
labels: {a: "${start.params.a}", b: "${start.params.a:-none}"}
#! 4:14: labels.a: a may be left out: give it a default:, or required: true, or write ${start.params.a:-...} here
