image: fx/x
container_name: mine
restart: always
auto_remove: false
links: [db]
labels: {com.fastx.supervisor.owner: me}
host_config: {AutoRemove: false, binds: ["/:/host"], Mounts: []}
container_config: {Labels: {a: b}, image: other}
