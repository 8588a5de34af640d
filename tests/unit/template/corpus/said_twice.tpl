image: fx/x
network_mode: host
networks: [a]
mem_limit: 1g
cpus: 1
stop_grace_period: 5s
session: {stop_grace_period: 6s}
deploy: {resources: {limits: {memory: 2g, cpus: 2}}, replicas: 3}
#! 3:1: networks: says the same as network_mode: keep one of them
#! 7:11: session.stop_grace_period: says the same as stop_grace_period: keep one of them
#! 8:31: deploy.resources.limits.memory: says the same as mem_limit: keep one of them
#! 8:43: deploy.resources.limits.cpus: says the same as cpus: keep one of them
#! 8:54: deploy.replicas: unknown key
