image: fx/x
network_mode: host
networks: [a]
mem_limit: 1g
cpus: 1
stop_grace_period: 5s
session: {stop_grace_period: 6s}
deploy: {resources: {limits: {memory: 2g, cpus: 2}}, replicas: 3}
