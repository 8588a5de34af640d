package FastX::Outcome;

# How a session can end: what the relay is told, and the agent's exit code.
#
# Each function returns the fields of the final callback and {agent_exit_code};
# without {type} there is nobody to tell. A message is a sentence that says what
# an administrator should do.

use strict;
use warnings;

use FastX::JSON;
use POSIX ();

use constant {
    EXIT_RELAY_UNREACHABLE => 70,
    EXIT_X_SERVER_FAILED   => 71,
    EXIT_AGENT_FAILED      => 72,
    EXIT_UNKNOWN_SESSION   => 73,
    EXIT_COMMAND_NOT_FOUND => 127,
};

sub exited {
    my ($exit_code, $signal_number) = @_;
    return { type => 'exited', exit_code => $exit_code, signal => $signal_number, agent_exit_code => $exit_code };
}

# Told to end before there was a command that could have an exit code.
sub signalled {
    my ($name) = @_;
    my $number = POSIX->can("SIG$name")->();
    return exited(128 + $number, $number);
}

sub unknown_session { return { agent_exit_code => EXIT_UNKNOWN_SESSION } }

sub x_server_failed {
    my ($message, $log_tail, $exit_code) = @_;
    return _failed('XServerFailed', EXIT_X_SERVER_FAILED, $message, log_tail => $log_tail, exit_code => $exit_code);
}

sub command_not_found {
    my ($program, $path, $why) = @_;
    return _failed('CommandNotFound', EXIT_COMMAND_NOT_FOUND,
        "The command '$program' cannot be run in this image" . (defined $why ? " ($why)" : '')
        . "; PATH is $path. Install the program in the image, or correct the command.",
        exit_code => EXIT_COMMAND_NOT_FOUND);
}

sub directory_unusable {
    my ($directory, $why) = @_;
    return _failed('AgentFailed', EXIT_AGENT_FAILED,
        "The directory $directory cannot be entered by uid $> ($why): mount the user's home directory "
        . 'into the container with execute permission for them, or set another working_dir.');
}

sub not_set_up {
    my ($problem) = @_;
    return _failed('AgentFailed', EXIT_AGENT_FAILED,
        "The session cannot be set up: $problem. Correct the container's mounts.");
}

sub internal_error {
    my ($error) = @_;
    return _failed('AgentFailed', EXIT_AGENT_FAILED,
        "The session agent met an error of its own ($error): report it together with the log of the container.");
}

sub relay_unreachable {
    my ($address, $seconds) = @_;
    return _failed('RelayUnreachable', EXIT_RELAY_UNREACHABLE,
        "The relay did not answer on $address within $seconds s: check that the daemon runs and that its relay "
        . "directory is mounted into the container and can be entered by uid $>.");
}

sub _failed {
    my ($reason, $agent_exit_code, $message, %fields) = @_;
    return {
        %fields,
        type            => 'failed',
        reason          => $reason,
        message         => FastX::JSON::text_from_bytes($message),
        agent_exit_code => $agent_exit_code,
    };
}

1;
