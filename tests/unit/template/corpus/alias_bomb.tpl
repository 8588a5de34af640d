image: fx/x
x-a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
host_config:
  B: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
  C: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
  D: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
  E: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
#! 2:31: host_config.E.0.6.8.9.7: more than 20000 values after aliases are expanded
