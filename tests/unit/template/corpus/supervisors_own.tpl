image: fx/x
container_name: mine
restart: always
auto_remove: false
links: [db]
labels: {com.fastx.supervisor.owner: me}
host_config: {AutoRemove: false, binds: ["/:/host"], Mounts: []}
container_config: {Labels: {a: b}, image: other}
#! 2:1: container_name: not possible in a template: the supervisor names containers, or two sessions could not run at once
#! 3:1: restart: not possible in a template: the supervisor owns the lifecycle: a session that ended stays ended
#! 4:1: auto_remove: not possible in a template: always on: containers clean up after themselves
#! 5:1: links: not possible in a template: legacy: put both containers on one of networks: and use aliases
#! 6:10: labels.com.fastx.supervisor.owner: labels beginning with com.fastx.supervisor. are the supervisor's own
#! 7:15: host_config.AutoRemove: may not be set here: the supervisor's own: containers clean up after themselves
#! 7:34: host_config.binds: may not be set here: creates missing host directories as root: write volumes:
#! 7:54: host_config.Mounts: may not be set here: would replace the supervisor's mounts: write volumes:
#! 8:20: container_config.Labels: may not be set here: the supervisor's own are among them: write labels:
#! 8:36: container_config.image: may not be set here: write image:
