package FastX::Exchange;

# One HTTP request and its response, on a connection of its own or on one that is
# kept for the next. Ends exactly once, by on_end($error): undef when the response
# is complete.
#
# A kept connection may have been ended by the relay while nobody looked, or be
# ended as the request arrives. Where nothing at all was answered the request goes
# out once more, at once and on a new one: whoever keeps a connection sends what may
# be repeated.

use strict;
use warnings;

use FastX::Dial;
use FastX::HTTP;
use POSIX ();

# Options: loop, address or connection (a FastX::Connection), request (bytes),
# silence_seconds (nothing received for so long is an error), on_head($reader),
# on_body($bytes), on_end($error, $reader).
sub start {
    my ($class, %option) = @_;
    my $self = bless {%option}, $class;
    $self->_begin;
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

sub _begin {
    my ($self) = @_;
    @{$self}{qw(reader unsent)} = (FastX::HTTP->new, $self->{request});
    my ($handle, $error, $was_used)
        = $self->{connection} ? $self->{connection}->take : FastX::Dial::connect_to_relay($self->{address});
    $self->{may_be_over} = $handle && $self->{connection} && $was_used;
    if (!$handle) {
        # The caller may not hold the object yet: answer on the next turn.
        $self->{loop}->cancel($self->{timer});
        $self->{timer} = $self->{loop}->after(0, sub { $self->_end($error) });
        return;
    }
    $self->{handle} = $handle;
    $self->{loop}->on_readable($handle, sub { $self->_receive });
    $self->_send;
    $self->_expect_something;
    return;
}

sub _begin_anew {
    my ($self) = @_;
    $self->{loop}->close(delete $self->{handle});
    return $self->_begin;
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
    return if !defined $count && ($! == POSIX::EAGAIN || $! == POSIX::EINTR);
    return $self->_begin_anew if !$count && $self->{may_be_over};
    return $self->_end("reading from the relay failed: $!") if !defined $count;
    delete $self->{may_be_over};
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
    my $is_kept = $self->{connection} && !defined $error && !length $self->{unsent} && $self->{reader}->is_reusable;
    $self->{connection}->keep(delete $self->{handle}) if $is_kept;
    $self->cancel;
    $on_end->($error, $self->{reader}) if $on_end;
    return;
}

1;
