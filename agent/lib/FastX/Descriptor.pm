package FastX::Descriptor;

# Passes an open descriptor over a Unix socket: sendmsg(2) with SCM_RIGHTS, by
# its number, since no module of perl-base knows it by name.

use strict;
use warnings;

use POSIX ();
use Socket qw(SOL_SOCKET);

use constant {
    SCM_RIGHTS   => 1,
    # MSG_DONTWAIT, MSG_NOSIGNAL
    FLAGS        => 0x40 | 0x4000,
    HEAD_BYTES   => 16,
    NUMBER_BYTES => 4,
};

my %SENDMSG = (x86_64 => 46, aarch64 => 211);

# The structures below are those of 64 bits; a 32-bit perl has other numbers, too.
my $sendmsg = length pack('p', '') == 8 ? $SENDMSG{ (POSIX::uname())[4] } : undef;

sub can_be_passed { return defined $sendmsg }

# True when all of $line went, and the descriptor of $handle with it; $! says why not.
sub send {
    my ($socket, $line, $handle) = @_;
    # Each of these is pointed at by the next: they have to live until the call.
    my $content = pack 'P Q', $line, length $line;
    my $rights  = pack 'Q l l l x4', HEAD_BYTES + NUMBER_BYTES, SOL_SOCKET, SCM_RIGHTS, fileno $handle;
    my $message = pack 'Q L x4 P Q P Q l x4', 0, 0, $content, 1, $rights, length $rights, 0;
    my $sent = syscall $sendmsg, fileno($socket) + 0, $message, FLAGS;
    return $sent == length $line;
}

1;
