image: fx/x
params:
  a: {type: string}
labels: {a: "${start.params.a}", b: "${start.params.a:-none}"}
