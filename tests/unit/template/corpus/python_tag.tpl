image: !!python/object/apply:os.system ["true"]
labels: !include /etc/passwd
environment: {A: !secret b}
