# Whoever finds the relay's queue full waits for a place in turn, and not for ever.
use strict; use warnings;
use Test::More;
use FastX::Dial;
use File::Temp 'tempdir';
use POSIX ();
use Socket qw(PF_UNIX SOCK_STREAM pack_sockaddr_un);

my $path = tempdir(CLEANUP => 1) . '/relay';
socket my $listener, PF_UNIX, SOCK_STREAM, 0 or die $!;
bind $listener, pack_sockaddr_un($path) or die $!;
listen $listener, 1 or die $!;

my @crowd;
while (my ($one) = FastX::Dial::connect("unix:$path")) { last if !$one; push @crowd, $one }
cmp_ok scalar @crowd, '>', 0, 'the queue is full';

my ($relay, $message, $number) = FastX::Dial::connect_to_relay("unix:$path");
ok !$relay, 'a relay that takes nobody';
is $number, POSIX::EAGAIN, '... is given up';
like $message, qr/\A\Q$path\E: /, '... with its path';

my $parent = $$;
defined(my $pid = fork) or die $!;
if (!$pid) {
    # Takes one when the other sleeps: it has found the queue full.
    my $state = '';
    while ($state ne 'S') {
        open my $file, '<', "/proc/$parent/stat" or last;
        ($state) = <$file> =~ /\) (\w)/;
    }
    my $taken;
    accept $taken, $listener;
    POSIX::_exit(0);
}
($relay, $message) = FastX::Dial::connect_to_relay("unix:$path");
ok $relay, 'it waits for its place' or diag $message;
waitpid $pid, 0;
my $read = sysread $relay, $message, 1;
ok !defined $read && $! == POSIX::EAGAIN, '... and for nothing after that';

($relay, $message, $number) = FastX::Dial::connect_to_relay("$path.gone");
ok !$relay && $number == POSIX::ENOENT, 'what is not there is not waited for';

done_testing;
