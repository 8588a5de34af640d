# A viewer who comes in a crowd waits for the X server, and loses nothing of what it says.
use strict; use warnings; use lib 't/lib', 'agent/t/lib';
use Test::More;
use FastX::Dial;
use FastX::Display;
use FastX::Loop;
use File::Temp 'tempdir';
use Relay 'wait_until';
use Socket qw(PF_UNIX SOCK_STREAM pack_sockaddr_un);

$SIG{PIPE} = 'IGNORE';
open STDERR, '>', '/dev/null' or die $!;
my $loop = FastX::Loop->new;
my $dir  = tempdir(CLEANUP => 1);
sub listener {
    my ($path, $backlog) = @_;
    socket my $listener, PF_UNIX, SOCK_STREAM, 0 or die $!;
    bind $listener, pack_sockaddr_un($path) or die $!;
    listen $listener, $backlog or die $!;
    return $listener;
}
sub crowd { my @crowd; while (my ($one) = FastX::Dial::connect($_[0])) { last if !$one; push @crowd, $one } return @crowd }
sub display {
    my ($relay) = @_;
    my $ended = 0;
    my $display = FastX::Display->open(
        loop => $loop, address => "unix:$dir/relay", token => 't', stream => 's',
        rfb_path => "$dir/x", on_end => sub { $ended++ },
    );
    accept my $near, $relay or die $!;
    my $hello = <$near>;
    is $hello, "FASTX-DISPLAY/1 t s\n", 'it says whose it is';
    FastX::Loop::set_nonblocking($near);
    return ($display, $near, \$ended);
}

my ($relay, $x) = (listener("$dir/relay", 5), listener("$dir/x", 1));
my @crowd = crowd("$dir/x");
cmp_ok scalar @crowd, '>', 0, 'the X server takes no more for now';
my ($display, $near, $ended) = display($relay);
syswrite $near, "OK\nearly ";
my $turns = 0;
$loop->after(0.1, sub { $turns++ });
ok wait_until($loop, sub { $turns }), 'time passes';
ok !$$ended, '... and it waits';
syswrite $near, 'late';
accept my $other, $x or die $! for @crowd;
my $joined;
FastX::Loop::set_nonblocking($x);
ok wait_until($loop, sub { accept $joined, $x }), 'then it is joined';
FastX::Loop::set_nonblocking($joined);
my $got = '';
ok wait_until($loop, sub { sysread $joined, $got, 64, length $got; $got eq 'early late' }), '... with all that was said';
$display->close;

@crowd = crowd("$dir/x");
($display, $near, $ended) = display($relay);
syswrite $near, "OK\n";
$turns = 0;
$loop->after(0.1, sub { $turns++ });
ok wait_until($loop, sub { $turns }), 'another waits';
$display->close;
is $$ended, 1, 'and is closed while it does';
my $last = @crowd;
FastX::Loop::set_nonblocking($x);
$turns = 0;
$loop->after(0.1, sub { $turns++ });
while (accept my ($one), $x) { }
wait_until($loop, sub { $turns });
ok !accept(my ($none), $x), '... and knocks no more';

close $x; unlink "$dir/x";
($display, $near, $ended) = display($relay);
syswrite $near, "OK\n";
ok wait_until($loop, sub { $$ended }), 'an X server that is gone is not waited for';
done_testing;
