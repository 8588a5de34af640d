package FastX::Forward;

# Passes the command's output on to a handle that may be drained slowly or
# never. Bounded: what does not fit is dropped, never waited for.

use strict;
use warnings;

use FastX::Log;
use FastX::Loop;
use POSIX ();

use constant MOST_HELD_BYTES => 262_144;

sub new {
    my ($class, $loop, $handle) = @_;
    # A terminal shares its mode with whoever else holds it; only pipes and
    # sockets are ours to change.
    FastX::Loop::set_nonblocking($handle) if -p $handle || -S $handle;
    return bless { loop => $loop, handle => $handle, held => '', dropped => 0 }, $class;
}

sub is_empty { return !length $_[0]{held} }

sub write {
    my ($self, $bytes) = @_;
    return if $self->{broken};
    my $room = MOST_HELD_BYTES - length $self->{held};
    if (length $bytes > $room) {
        $self->{dropped} = 1;
        substr $bytes, $room, length $bytes, '';
    }
    $self->{held} .= $bytes;
    $self->flush;
    return;
}

sub flush {
    my ($self) = @_;
    while (length $self->{held}) {
        my $count = syswrite $self->{handle}, $self->{held};
        if (!defined $count) {
            next if $! == POSIX::EINTR;
            return $self->{loop}->on_writable($self->{handle}, sub { $self->flush }) if $! == POSIX::EAGAIN;
            # Nobody will ever read it.
            @{$self}{qw(broken held)} = (1, '');
            last;
        }
        substr $self->{held}, 0, $count, '';
    }
    $self->{loop}->ignore_writable($self->{handle});
    # Once: a command that floods shall not make the agent flood as well.
    FastX::Log::line("output of the command is being dropped: it is not read as fast as it is written")
        if $self->{dropped} && !$self->{complained}++;
    return;
}

1;
