image: fx/x
labels: &l
  a: *l
