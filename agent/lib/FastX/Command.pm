package FastX::Command;

# One program of the user, as leader of its own process group, with the last
# bytes of its output.

use strict;
use warnings;

use FastX::Process;
use FastX::Tail;
use POSIX ();

use constant READ_BYTES => 65_536;

# Options: loop, argv, environment, directory, tail_bytes, on_output($bytes),
# on_running, on_failed($stage, $error_number), on_exit($wait_status).
sub new {
    my ($class, %option) = @_;
    return bless { on_output => sub { }, %option, tail => FastX::Tail->new($option{tail_bytes}) }, $class;
}

sub pid         { return $_[0]{pid} }
sub group       { return $_[0]{group} }
sub is_running  { return defined $_[0]{pid} }
sub tail_text   { return $_[0]{tail}->text }

sub start {
    my ($self) = @_;
    my $loop = $self->{loop};
    my ($pid, $output, $read_report) = FastX::Process::start(
        (map { $_ => $self->{$_} } qw(loop argv environment directory)),
        # The X server and this agent stay: what the user has on the screen besides is not lost.
        expendable => 1,
        on_running => $self->{on_running},
        on_failed  => sub { $self->{failure} = [@_] },
    );
    die "$output\n" if !defined $pid;
    @{$self}{qw(pid group output read_report)} = ($pid, $pid, $output, $read_report);
    $loop->on_readable($output, sub { $self->_read_output });
    $loop->on_child($pid, sub { $self->_ended(@_) });
    return;
}

# TERM to the group, KILL after the grace period; on_exit tells the end.
sub terminate {
    my ($self, $grace_seconds) = @_;
    return if !$self->{pid};
    return $self->kill_now if $grace_seconds <= 0;
    $self->_kill('TERM');
    $self->{loop}->cancel($self->{kill_timer});
    $self->{kill_timer} = $self->{loop}->after($grace_seconds, sub { $self->kill_now });
    return;
}

sub kill_now {
    my ($self) = @_;
    $self->_kill('KILL') if $self->{pid};
    return;
}

# A process that was just forked is not yet the leader of its group.
sub _kill {
    my ($self, $signal) = @_;
    kill $signal => -$self->{group} or kill $signal => $self->{pid};
    return;
}

# Reads what is there.
sub drain_output {
    my ($self) = @_;
    1 while $self->{output} && $self->_read_output && !$self->{drained};
    return;
}

# What comes later, from processes left behind, is nobody's.
sub close_output {
    my ($self) = @_;
    $self->drain_output;
    $self->{loop}->close(delete $self->{output});
    return;
}

sub _read_output {
    my ($self) = @_;
    my $count = sysread $self->{output}, my $bytes, READ_BYTES;
    if (!defined $count) {
        $self->{drained} = $! == POSIX::EAGAIN;
        return $! == POSIX::EAGAIN || $! == POSIX::EINTR;
    }
    if (!$count) {
        $self->{loop}->close(delete $self->{output});
        return 0;
    }
    $self->{drained} = 0;
    $self->{tail}->append($bytes);
    $self->{on_output}->($bytes);
    return 1;
}

sub _ended {
    my ($self, $wait_status) = @_;
    delete $self->{pid};
    $self->{loop}->cancel(delete $self->{kill_timer});
    # The report of a failed exec precedes the end of its process, but the loop
    # may come to it later.
    (delete $self->{read_report})->();
    $self->{loop}->after(0, sub {
        return $self->{on_failed}->(@{ $self->{failure} }) if $self->{failure} && $self->{on_failed};
        $self->{on_exit}->($wait_status);
    });
    return;
}

1;
