package FastX::Dial;

# Connections to Unix sockets, hardly ever waited for.

use strict;
use warnings;

use FastX::Loop;
use POSIX ();
use Socket qw(PF_UNIX SOCK_STREAM SOL_SOCKET SO_RCVBUF SO_SNDBUF SO_SNDTIMEO pack_sockaddr_un);

# Larger than the default, so that a screen's worth of pixels passes in few
# calls; the kernel caps it.
use constant SOCKET_BUFFER_BYTES => 1_048_576;

# How long the loop may stand still for a place in the relay's queue: whoever gives
# up begins at its end, and a container's 4,096 processes take half a second there.
use constant QUEUE_MICROSECONDS => 900_000;

# Takes "unix:/path" or "/path"; returns (handle, undef) or (undef, message,
# error number). A full backlog is an error (EAGAIN): the caller tries again.
sub connect {
    my ($address) = @_;
    (my $path = $address) =~ s/\Aunix://;
    return (undef, "the address '$address' is not unix:/path") if $path !~ m{\A/};
    # Longer paths do not fit into the kernel's structure, and Perl dies on them.
    return (undef, "the path of the socket $path is longer than 107 bytes") if length $path > 107;
    socket my $handle, PF_UNIX, SOCK_STREAM, 0 or return (undef, "no socket: $!");
    FastX::Loop::set_nonblocking($handle);
    CORE::connect $handle, pack_sockaddr_un($path) or return (undef, "$path: $!", $! + 0);
    return ($handle, undef);
}

# The same to the relay, whose queue is full while some session floods it. Who
# comes again later finds it full again; who waits in the kernel is served in
# turn, mostly within milliseconds.
sub connect_to_relay {
    my ($address) = @_;
    my ($handle, $message, $error_number) = FastX::Dial::connect($address);
    return ($handle, $message, $error_number) if $handle || ($error_number // 0) != POSIX::EAGAIN;
    (my $path = $address) =~ s/\Aunix://;
    return _connect_in_turn($path);
}

sub _connect_in_turn {
    my ($path) = @_;
    socket my $handle, PF_UNIX, SOCK_STREAM, 0 or return (undef, "no socket: $!");
    setsockopt $handle, SOL_SOCKET, SO_SNDTIMEO, pack 'l!l!', 0, QUEUE_MICROSECONDS;
    my $is_connected;
    1 until $is_connected = CORE::connect($handle, pack_sockaddr_un($path)) or $! != POSIX::EINTR;
    return (undef, "$path: $!", $! + 0) if !$is_connected;
    FastX::Loop::set_nonblocking($handle);
    return ($handle, undef);
}

sub enlarge_buffers {
    my ($handle) = @_;
    setsockopt $handle, SOL_SOCKET, $_, SOCKET_BUFFER_BYTES for SO_RCVBUF, SO_SNDBUF;
    return;
}

1;
