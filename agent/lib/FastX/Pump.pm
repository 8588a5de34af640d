package FastX::Pump;

# Moves bytes between two sockets, both ways, as fast as the slower side takes
# them. At most one read per direction is held: while it cannot be written,
# nothing more is read, and the kernel's own buffers push back on the sender.

use strict;
use warnings;

use FastX::Loop;
use POSIX ();

use constant {
    READ_BYTES => 262_144,
    # One busy viewer must not starve timers and other viewers.
    READS_PER_TURN => 8,
    # After one side has said all it has to say the other may finish.
    LINGER_SECONDS => 30,
};

# Options: loop, left, right (handles; the pump owns them from now on),
# from_left (bytes already read), on_end.
sub start {
    my ($class, %option) = @_;
    my $self = bless { %option }, $class;
    my ($left, $right) = delete @{$self}{qw(left right)};
    FastX::Loop::set_nonblocking($_) for $left, $right;
    $self->{directions} = [
        { from => $left,  to => $right, held => delete $self->{from_left} // '', offset => 0 },
        { from => $right, to => $left,  held => '', offset => 0 },
    ];
    for my $direction (@{ $self->{directions} }) {
        length $direction->{held} ? $self->_hold($direction) : $self->_read_on($direction);
    }
    return $self;
}

sub close {
    my ($self) = @_;
    my $directions = delete $self->{directions} or return;
    $self->{loop}->close($_->{from}) for @$directions;
    $self->{loop}->cancel(delete $self->{timer});
    my $on_end = delete $self->{on_end};
    $on_end->() if $on_end;
    return;
}

sub _read_on {
    my ($self, $direction) = @_;
    $self->{loop}->on_readable($direction->{from}, sub { $self->_move($direction) });
    return;
}

sub _hold {
    my ($self, $direction) = @_;
    $self->{loop}->ignore_readable($direction->{from});
    $self->{loop}->on_writable($direction->{to}, sub {
        $self->_write($direction) or return;
        $self->{loop}->ignore_writable($direction->{to});
        $self->_read_on($direction);
    });
    return;
}

sub _move {
    my ($self, $direction) = @_;
    for (1 .. READS_PER_TURN) {
        my $count = sysread $direction->{from}, $direction->{held}, READ_BYTES;
        if (!defined $count) {
            return if $! == POSIX::EAGAIN;
            next if $! == POSIX::EINTR;
            return $self->close;
        }
        return $self->_finish($direction) if !$count;
        $direction->{offset} = 0;
        if (!$self->_write($direction)) {
            $self->_hold($direction) if $self->{directions};
            return;
        }
        # A short read emptied the socket; asking again would only say so.
        return if $count < READ_BYTES / 4;
    }
    return;
}

# True when nothing is held any more.
sub _write {
    my ($self, $direction) = @_;
    my $left = length($direction->{held}) - $direction->{offset};
    while ($left > 0) {
        my $count = syswrite $direction->{to}, $direction->{held}, $left, $direction->{offset};
        if (!defined $count) {
            next if $! == POSIX::EINTR;
            $self->close if $! != POSIX::EAGAIN;
            return 0;
        }
        $direction->{offset} += $count;
        $left -= $count;
    }
    return 1;
}

sub _finish {
    my ($self, $direction) = @_;
    my $loop = $self->{loop};
    $loop->ignore_readable($direction->{from});
    shutdown $direction->{to}, 1;
    $direction->{finished} = 1;
    return $self->close if !grep { !$_->{finished} } @{ $self->{directions} };
    $self->{timer} = $loop->after(LINGER_SECONDS, sub { $self->close });
    return;
}

1;
