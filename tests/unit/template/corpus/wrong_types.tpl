image: 5
pids_limit: true
mem_limit: lots
cpus: -1
privileged: "yes"
hostname: [a]
environment: {A: true}
volumes: ${user.home}
cap_add: ALL
ulimits: {nofile: {soft: 5, hard: 1}}
gpus: some
ports: ["0:80", "80/xtp"]
networks: {a: {ipv4_address: 1.2.3}}
extra_hosts: ["a"]
stop_grace_period: soon
logging: {driver: 5}
session: {lifetime: 0, suspend: off, clipboard: maybe}
