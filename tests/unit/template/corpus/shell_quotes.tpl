image: fx/x
command: >-
  a "${user.name}" '${user.uid}' `${user.gid}` \${user.home}
  # ${session.id}
entrypoint: cat <<E ${user.gecos}
healthcheck: {test: [CMD-SHELL, "echo $$(( ${user.uid} ))"]}
