- image: fx/x
#! 1:1: a template is a mapping of keys to values
