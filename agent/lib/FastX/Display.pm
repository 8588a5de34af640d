package FastX::Display;

# One viewer: dials the relay's display socket, says which stream it is for,
# and joins it to the X server's socket.

use strict;
use warnings;

use FastX::Dial;
use FastX::Log;
use FastX::Loop;
use FastX::Pump;
use POSIX ();

use constant {
    HANDSHAKE_SECONDS   => 10,
    LONGEST_REPLY_BYTES => 256,
    # The X server lets five wait to be accepted; of viewers who come at once the others knock again.
    JOIN_SECONDS        => 5,
    KNOCK_SECONDS       => 0.02,
};

# Options: loop, address, token, stream, rfb_path, on_end.
sub open {
    my ($class, %option) = @_;
    my $self = bless { %option, received => '' }, $class;
    my ($relay, $error) = FastX::Dial::connect_to_relay($self->{address});
    return $self->_end("display socket: $error") if !$relay;
    $self->{relay} = $relay;
    FastX::Dial::enlarge_buffers($relay);
    my $hello = "FASTX-DISPLAY/1 $self->{token} $self->{stream}\n";
    # The send buffer of a new socket takes a line of this size whole.
    my $sent = syswrite $relay, $hello;
    return $self->_end('the relay did not take the handshake') if ($sent // 0) != length $hello;
    $self->{timer} = $self->{loop}->after(HANDSHAKE_SECONDS, sub { $self->_end('the relay did not answer the handshake') });
    $self->{loop}->on_readable($relay, sub { $self->_read_reply });
    return $self;
}

sub close    { return $_[0]->_end }
sub is_ended { return $_[0]{ended} }

sub _read_reply {
    my ($self) = @_;
    my $count = sysread $self->{relay}, $self->{received}, 65_536, length $self->{received};
    if (!defined $count) {
        return if $! == POSIX::EAGAIN || $! == POSIX::EINTR;
        return $self->_end("reading the relay's answer failed: $!");
    }
    return $self->_end('the relay closed in the middle of the handshake') if !$count;
    if ($self->{received} !~ s/\A([^\n]*)\n//) {
        $self->_end('the relay answered the handshake with garbage') if length $self->{received} > LONGEST_REPLY_BYTES;
        return;
    }
    my $reply = $1;
    return $self->_end("the relay refused: $reply") if $reply ne 'OK';
    $self->{loop}->cancel(delete $self->{timer});
    # What the viewer says waits for the X server.
    $self->{loop}->ignore_readable($self->{relay});
    $self->{join_by} = FastX::Loop::now() + JOIN_SECONDS;
    return $self->_join;
}

sub _join {
    my ($self) = @_;
    my ($rfb, $error, $error_number) = FastX::Dial::connect($self->{rfb_path});
    if (!$rfb) {
        my $is_crowded = ($error_number // 0) == POSIX::EAGAIN && FastX::Loop::now() < $self->{join_by};
        return $self->_end("X server: $error") if !$is_crowded;
        $self->{timer} = $self->{loop}->after(KNOCK_SECONDS, sub { $self->_join });
        return;
    }
    FastX::Dial::enlarge_buffers($rfb);
    $self->{pump} = FastX::Pump->start(
        loop   => $self->{loop},
        left   => delete $self->{relay},
        right  => $rfb,
        from_left => delete $self->{received},
        on_end => sub { $self->_end },
    );
    return;
}

sub _end {
    my ($self, $error) = @_;
    return $self if $self->{ended}++;
    FastX::Log::line("display $self->{stream} closed: $error") if defined $error;
    $self->{loop}->cancel(delete $self->{timer});
    $self->{loop}->close(delete $self->{relay});
    my $pump = delete $self->{pump};
    $pump->close if $pump;
    my $on_end = delete $self->{on_end};
    $on_end->() if $on_end;
    return $self;
}

1;
