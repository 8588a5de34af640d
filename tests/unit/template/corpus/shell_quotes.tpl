image: fx/x
command: >-
  a "${user.name}" '${user.uid}' `${user.gid}` \${user.home}
  # ${session.id}
entrypoint: cat <<E ${user.gecos}
healthcheck: {test: [CMD-SHELL, "echo $$(( ${user.uid} ))"]}
#! 3:6: command: ${user.name} stands inside double quotes: remove the quotes: the value is quoted already
#! 3:21: command: ${user.uid} stands inside single quotes: remove the quotes: the value is quoted already
#! 3:35: command: ${user.gid} stands inside backticks, where quoting does not hold: write $$(...) instead
#! 3:49: command: ${user.home} stands after a backslash: remove it: the value is quoted already
#! 4:5: command: ${session.id} stands inside a shell comment: take it out
#! 5:21: entrypoint: ${user.gecos} stands after <<: a line with here-documents cannot hold values
#! 6:44: healthcheck.test.1: ${user.uid} stands after ((: arithmetic would evaluate it: put values before it
