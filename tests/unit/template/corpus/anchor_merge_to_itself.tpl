image: fx/x
labels: &l
  <<: *l
