image: fx/x
labels: &l
  <<: *l
#! 2:9: labels.<<: << takes a mapping or a list of them
