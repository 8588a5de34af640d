package FastX::Exchange;

# One HTTP request and its response on a connection of its own. Callbacks are
# rare and the socket is local, so that keeping connections would only add
# states. Ends exactly once, by on_end($error): undef when the response is
# complete.

use strict;
use warnings;

use FastX::Dial;
use FastX::HTTP;
use FastX::Loop;
use POSIX ();

# Options: loop, address, request (bytes), silence_seconds (nothing received
# for so long is an error), on_head($reader), on_body($bytes), on_end($error, $reader).
sub start {
    my ($class, %option) = @_;
    my $self = bless { %option, reader => FastX::HTTP->new, unsent => $option{request} }, $class;
    my ($handle, $error) = FastX::Dial::connect_to_relay($self->{address});
    if (!$handle) {
        # The caller does not hold the object yet: answer on the next turn.
        $self->{timer} = $self->{loop}->after(0, sub { $self->_end($error) });
        return $self;
    }
    $self->{handle} = $handle;
    $self->{loop}->on_readable($handle, sub { $self->_receive });
    $self->_send;
    $self->_expect_something;
    return $self;
}

sub cancel {
    my ($self) = @_;
    $self->{ended} = 1;
    $self->{loop}->cancel(delete $self->{timer});
    $self->{loop}->close(delete $self->{handle});
    # The callbacks hold whoever started this.
    delete @{$self}{qw(on_head on_body on_end)};
    return;
}

sub _expect_something {
    my ($self) = @_;
    my $loop = $self->{loop};
    $loop->cancel($self->{timer});
    my $seconds = $self->{silence_seconds};
    $self->{timer} = $loop->after($seconds, sub { $self->_end("the relay was silent for $seconds s") });
    return;
}

sub _send {
    my ($self) = @_;
    my $sent = syswrite $self->{handle}, $self->{unsent};
    if (defined $sent) {
        substr $self->{unsent}, 0, $sent, '';
    }
    elsif ($! != POSIX::EAGAIN && $! != POSIX::EINTR) {
        # An answer (413, say) may stand in the receive buffer: let reading decide.
        $self->{unsent} = '';
    }
    if (length $self->{unsent}) {
        $self->{loop}->on_writable($self->{handle}, sub { $self->_send });
    }
    else {
        $self->{loop}->ignore_writable($self->{handle});
    }
    return;
}

sub _receive {
    my ($self) = @_;
    my $count = sysread $self->{handle}, my $bytes, 65_536;
    if (!defined $count) {
        return if $! == POSIX::EAGAIN || $! == POSIX::EINTR;
        return $self->_end("reading from the relay failed: $!");
    }
    $self->_expect_something;
    my $reader = $self->{reader};
    my $body   = $count ? $reader->feed($bytes) : '';
    $reader->feed_end if !$count;
    if (defined $reader->status && !$self->{head_seen}++) {
        $self->{on_head}->($reader) if $self->{on_head};
    }
    $self->{on_body}->($body) if length $body && $self->{on_body};
    return if $self->{ended};
    $self->_end($reader->error) if defined $reader->error || $reader->is_complete;
    return;
}

sub _end {
    my ($self, $error) = @_;
    return if $self->{ended};
    my $on_end = $self->{on_end};
    $self->cancel;
    $on_end->($error, $self->{reader}) if $on_end;
    return;
}

1;
