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
#! 1:8: image: must be text: put it in quotes
#! 2:13: pids_limit: must be a number, not a boolean
#! 3:12: mem_limit: must be a size such as "512m" or "2g", not 'lots'
#! 4:7: cpus: must be a number of CPUs such as 0.5 or "2", not -1
#! 5:13: privileged: must be true or false
#! 6:11: hostname: must be text
#! 7:18: environment.A: must be text: put true or false in quotes
#! 8:10: volumes: must be a list
#! 9:10: cap_add: must be a list
#! 10:19: ulimits.nofile: soft must not be above hard
#! 11:7: gpus: must be "all", a number, or a list such as [{device_ids: ["0"]}]
#! 12:9: ports.0.published: must be a port or a range of ports such as 8000-8010
#! 12:17: ports.1.protocol: must be tcp, udp or sctp; did you mean tcp?
#! 13:30: networks.a.ipv4_address: '1.2.3' does not appear to be an IPv4 or IPv6 address
#! 14:15: extra_hosts.0: must be host:address
#! 15:20: stop_grace_period: must be a duration such as "90s" or "1h30m", not 'soon'
#! 16:19: logging.driver: must be text: put it in quotes
#! 17:21: session.lifetime: must be longer than nothing; for no limit write "none"
#! 17:33: session.suspend: must be disconnect or freeze
#! 17:49: session.clipboard: must be both, in, out or off
