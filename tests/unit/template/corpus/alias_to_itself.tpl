image: fx/x
labels: &l
  a: *l
#! 2:9: labels.a: an alias to what it stands in
