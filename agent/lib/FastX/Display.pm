package FastX::Display;

# One viewer: dials the relay's display socket, says which stream it is for,
# and joins it to the X server's socket. Where the relay takes descriptors it is
# given that socket, and no byte comes by here any more; otherwise they are pumped.

use strict;
use warnings;

use FastX::Descriptor;
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

# Options: loop, address, private_address (of a socket that no other session has, if there is
# one), token, stream, rfb_path, on_end, takes_descriptor (the relay does).
sub open {
    my ($class, %option) = @_;
    my $self = bless { %option, received => '' }, $class;
    my ($relay, $error) = $self->_dial;
    return $self->_end("display socket: $error") if !$relay;
    $self->{relay} = $relay;
    $self->{passes} = $self->{takes_descriptor} && FastX::Descriptor::can_be_passed();
    my $hello = join(' ', 'FASTX-DISPLAY/1', $self->{token}, $self->{stream}, $self->{passes} ? 'descriptor' : ()) . "\n";
    # The send buffer of a new socket takes a line of this size whole.
    my $sent = syswrite $relay, $hello;
    return $self->_end('the relay did not take the handshake') if ($sent // 0) != length $hello;
    $self->_await_reply;
    return $self;
}

sub close    { return $_[0]->_end }
sub is_ended { return $_[0]{ended} }

# Nobody stands in the private queue but this session; where it is gone, or full, there is the common one.
sub _dial {
    my ($self) = @_;
    my ($relay) = defined $self->{private_address} ? FastX::Dial::connect($self->{private_address}) : ();
    return $relay || FastX::Dial::connect_to_relay($self->{address});
}

sub _await_reply {
    my ($self) = @_;
    $self->{timer} = $self->{loop}->after(HANDSHAKE_SECONDS, sub { $self->_end('the relay did not answer the handshake') });
    $self->{loop}->on_readable($self->{relay}, sub { $self->_read_reply });
    return;
}

# The relay's answer to the handshake; later the one to what was passed.
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
    $self->{loop}->cancel(delete $self->{timer});
    return $self->_settle($reply) if $self->{rfb};
    return $self->_end("the relay refused: $reply") if $reply ne 'OK';
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
    $self->{rfb} = $rfb;
    return $self->{passes} ? $self->_pass : $self->_pump;
}

sub _pass {
    my ($self) = @_;
    my $line = "DESCRIPTOR\n";
    my $is_said = FastX::Descriptor::send($self->{relay}, $line, $self->{rfb});
    # Without one the relay says that the bytes are to be pumped.
    $is_said ||= (syswrite($self->{relay}, $line) // 0) == length $line;
    return $self->_end('the relay did not take the descriptor') if !$is_said;
    $self->_await_reply;
    return;
}

sub _settle {
    my ($self, $reply) = @_;
    return $self->_pump if $reply eq 'PUMP';
    return $self->_end("the relay did not take the display: $reply") if $reply ne 'TAKEN';
    $self->{loop}->close(delete $self->{rfb});
    # It says nothing more until it ends.
    $self->{loop}->on_readable($self->{relay}, sub { $self->_end });
    return;
}

sub _pump {
    my ($self) = @_;
    my ($relay, $rfb) = delete @{$self}{qw(relay rfb)};
    FastX::Dial::enlarge_buffers($_) for $relay, $rfb;
    $self->{pump} = FastX::Pump->start(
        loop   => $self->{loop},
        left   => $relay,
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
    $self->{loop}->close(delete $self->{$_}) for qw(relay rfb);
    my $pump = delete $self->{pump};
    $pump->close if $pump;
    my $on_end = delete $self->{on_end};
    $on_end->() if $on_end;
    return $self;
}

1;
