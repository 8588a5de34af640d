package FastX::X11;

# As much of an X client as it takes to see which windows there are. Opcodes and
# offsets are those of the X11 protocol's encoding (appendix B), in the byte
# order of this machine.
#
#   my ($x, $why_not) = FastX::X11->connect(
#       loop => $loop, display => ':1', cookie => $bytes,
#       on_ready => sub { ... }, on_event => sub { my ($code, $bytes) = @_ }, on_end => sub { my ($why) = @_ });
#   $x->attributes($window, sub { my ($attributes) = @_; ... });   # undef: there is no such window

use strict;
use warnings;

use FastX::Dial;
use POSIX ();

use constant {
    BYTE_ORDER  => pack('S', 1) eq "\1\0" ? 'l' : 'B',
    SCHEME      => 'MIT-MAGIC-COOKIE-1',
    PACKET      => 32,
    READ_BYTES  => 65_536,
    # Longer answers are not asked for.
    MOST_BYTES  => 1_048_576,
    MOST_LISTED => 4_096,
};

# A window whose children somebody else places is managed: only one client at a time may ask for it.
use constant { SUBSTRUCTURE_NOTIFY => 0x80000, SUBSTRUCTURE_REDIRECT => 0x100000 };
use constant { CREATE_WINDOW => 1, CHANGE_ATTRIBUTES => 2, GET_ATTRIBUTES => 3, QUERY_TREE => 15, INTERN_ATOM => 16,
    GET_PROPERTY => 20, SEND_EVENT => 25, CLEAR_AREA => 61 };
use constant { BACK_PIXEL => 2, INPUT_ONLY => 2, CLIENT_MESSAGE => 33 };
use constant { EVENT_MASK => 0x800, ERROR => 0, REPLY => 1, GENERIC_EVENT => 35, MODULUS => 65_536 };

sub connect {
    my ($class, %option) = @_;
    my ($number) = $option{display} =~ /\A:([0-9]+)/ or return (undef, "no display: $option{display}");
    my ($handle, $error) = FastX::Dial::connect("/tmp/.X11-unix/X$number");
    return (undef, $error) if !$handle;
    my $self = bless { %option, handle => $handle, received => '', sending => '', sent => 0, waiting => {} }, $class;
    $self->{loop}->on_readable($handle, sub { $self->_read });
    $self->_send(pack 'a1 x S S S S x2 a20 a*',
        BYTE_ORDER, 11, 0, length SCHEME, length $option{cookie}, SCHEME, $option{cookie});
    return $self;
}

sub root { return $_[0]{root} }

# Which events of the root window to be told of.
sub select_root {
    my ($self, $mask) = @_;
    return $self->_request(pack 'C x S L L L', CHANGE_ATTRIBUTES, 4, $self->{root}, EVENT_MASK, $mask);
}

# The root window in one colour, a pixel of its own depth.
sub paint_root {
    my ($self, $pixel) = @_;
    $self->_request(pack 'C x S L L L', CHANGE_ATTRIBUTES, 4, $self->{root}, BACK_PIXEL, $pixel);
    return $self->_request(pack 'C x S L S S S S', CLEAR_AREA, 4, $self->{root}, 0, 0, 0, 0);
}

# A window that is never to be seen, for what is written on it to be told of.
sub create_window {
    my ($self, $mask) = @_;
    $self->_request(pack 'C x S L L S S S S S S L L L', CREATE_WINDOW, 9, $self->{own}, $self->{root},
        0, 0, 1, 1, 0, INPUT_ONLY, 0, EVENT_MASK, $mask);
    return $self->{own};
}

# To the window manager, about a window.
sub send_message {
    my ($self, $window, $type) = @_;
    return $self->_request(pack 'C x S L L C C x2 L L x20', SEND_EVENT, 11, $self->{root},
        SUBSTRUCTURE_NOTIFY | SUBSTRUCTURE_REDIRECT, CLIENT_MESSAGE, 32, $window, $type);
}

sub atom {
    my ($self, $name, $on_atom) = @_;
    my $padded = $name . "\0" x (-length($name) % 4);
    return $self->_request(pack('C x S S x2 a*', INTERN_ATOM, 2 + length($padded) / 4, length $name, $padded),
        sub { $on_atom->(defined $_[0] ? unpack 'x8 L', $_[0] : undef) });
}

# The windows or atoms that a property of a window lists; none where it is not there.
sub listed {
    my ($self, $window, $property, $on_listed) = @_;
    return $self->_request(pack('C x S L L L L L', GET_PROPERTY, 6, $window, $property, 0, 0, MOST_LISTED),
        sub {
            my ($format, $count) = defined $_[0] ? unpack 'x C x14 L', $_[0] : (0, 0);
            $on_listed->($format == 32 ? unpack "x32 L$count", $_[0] : ());
        });
}

sub children {
    my ($self, $on_windows) = @_;
    return $self->_request(pack('C x S L', QUERY_TREE, 2, $self->{root}), sub {
        return $on_windows->() if !defined $_[0];
        my $count = unpack 'x16 S', $_[0];
        $on_windows->(unpack "x32 L$count", $_[0]);
    });
}

sub attributes {
    my ($self, $window, $on_attributes) = @_;
    return $self->_request(pack('C x S L', GET_ATTRIBUTES, 2, $window), sub {
        return $on_attributes->(undef) if !defined $_[0];
        my ($class, $map_state, $override, $masks) = unpack 'x12 S x12 C C x4 L', $_[0];
        $on_attributes->({
            is_drawn    => $class == 1,
            is_viewable => $map_state == 2,
            is_override => $override,
            is_managed  => $masks & SUBSTRUCTURE_REDIRECT,
        });
    });
}

sub close {
    my ($self) = @_;
    delete @{$self}{qw(on_ready on_event on_end)};
    $self->{waiting} = {};
    $self->{loop}->close(delete $self->{handle});
    return;
}

sub _request {
    my ($self, $bytes, $on_reply) = @_;
    my $number = ++$self->{sent} % MODULUS;
    $self->{waiting}{$number} = $on_reply if $on_reply;
    return $self->_send($bytes);
}

sub _send {
    my ($self, $bytes) = @_;
    my $handle = $self->{handle} or return;
    $self->{sending} .= $bytes;
    my $count = syswrite $handle, $self->{sending};
    return $self->_lost("$!") if !defined $count && $! != POSIX::EAGAIN && $! != POSIX::EINTR;
    substr $self->{sending}, 0, $count // 0, '';
    my $loop = $self->{loop};
    return $loop->ignore_writable($handle) if !length $self->{sending};
    return $loop->on_writable($handle, sub { $self->_send('') });
}

sub _read {
    my ($self) = @_;
    my $count = sysread $self->{handle}, $self->{received}, READ_BYTES, length $self->{received};
    return if !defined $count && ($! == POSIX::EAGAIN || $! == POSIX::EINTR);
    return $self->_lost($count // 1 ? "$!" : 'the X server closed the connection') if !$count;
    1 while $self->{handle} && (defined $self->{root} ? $self->_take_packet : $self->_take_welcome);
    return;
}

# True when there may be more.
sub _take_welcome {
    my ($self) = @_;
    return 0 if length $self->{received} < 8;
    my ($outcome, $words) = unpack 'C x5 S', $self->{received};
    my $length = 8 + 4 * $words;
    return 0 if length $self->{received} < $length;
    my $welcome = substr $self->{received}, 0, $length, '';
    if ($outcome != 1) {
        $self->_lost('the X server refused the connection');
        return 0;
    }
    my ($vendor, $formats) = unpack 'x24 S x3 C', $welcome;
    $self->{own}  = unpack 'x12 L', $welcome;
    $self->{root} = unpack 'x' . (40 + $vendor + -$vendor % 4 + 8 * $formats) . ' L', $welcome;
    $self->{on_ready}->();
    return 1;
}

sub _take_packet {
    my ($self) = @_;
    return 0 if length $self->{received} < PACKET;
    my ($code, $number, $words) = unpack 'C x S L', $self->{received};
    my $length = PACKET + ($code == REPLY || ($code & 0x7f) == GENERIC_EVENT ? 4 * $words : 0);
    if ($length > MOST_BYTES) {
        $self->_lost('the X server sent too much');
        return 0;
    }
    return 0 if length $self->{received} < $length;
    my $packet = substr $self->{received}, 0, $length, '';
    if ($code > REPLY) {
        $self->{on_event}->($code & 0x7f, $packet);
        return 1;
    }
    my $on_reply = delete $self->{waiting}{$number};
    $on_reply->($code == REPLY ? $packet : undef) if $on_reply;
    return 1;
}

sub _lost {
    my ($self, $why) = @_;
    my $on_end = $self->{on_end};
    $self->close;
    $on_end->($why) if $on_end;
    return;
}

1;
