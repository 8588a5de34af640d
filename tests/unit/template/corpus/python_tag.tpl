image: !!python/object/apply:os.system ["true"]
labels: !include /etc/passwd
environment: {A: !secret b}
#! 1:8: image: must be text
#! 1:8: image: the tag !!python/object/apply:os.system is not supported
#! 2:9: labels: the tag !include is not supported
#! 3:18: environment.A: the tag !secret is not supported
