# A viewer who comes in a crowd waits for the X server, and loses nothing of what it says.
use strict; use warnings; use lib 't/lib', 'agent/t/lib';
use Test::More;
use FastX::Dial;
use FastX::Display;
use FastX::JSON;
use FastX::Loop;
use FastX::Viewers;
use File::Temp 'tempdir';
use Passing 'passed_to';
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
    my ($relay, %option) = @_;
    my $ended = 0;
    my $display = FastX::Display->open(
        loop => $loop, address => "unix:$dir/relay", token => 't', stream => 's',
        rfb_path => "$dir/x", on_end => sub { $ended++ }, %option,
    );
    accept my $near, $relay or die $!;
    my $hello = <$near>;
    is $hello, 'FASTX-DISPLAY/1 t s' . ($option{takes_descriptor} ? ' descriptor' : '') . "\n", 'it says whose it is';
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

sub joined {
    my ($near) = @_;
    syswrite $near, "OK\n";
    ok wait_until($loop, sub { accept $joined, $x }), 'one that passes descriptors is joined';
    FastX::Loop::set_nonblocking($joined);
    my ($line, $handle);
    ok wait_until($loop, sub { ($line, $handle) = passed_to($near); defined $line }), '... and passes';
    is $line, "DESCRIPTOR\n", '... with a line';
    return $handle;
}
# From a handle that does not wait: undef when there is nothing, empty at the end.
sub heard { my $count = sysread $_[0], my $heard, 64; return defined $count ? $heard : undef }

($display, $near, $ended) = display($relay, takes_descriptor => 1);
my $passed = joined($near);
syswrite $near, "TAKEN\n";
syswrite $passed, 'from the relay';
$got = '';
ok wait_until($loop, sub { $got = heard($joined) }), 'what the relay takes leads to the X server';
is $got, 'from the relay', '... itself';
ok !$$ended, '... for as long as the relay stays';
close $passed;
ok wait_until($loop, sub { defined heard($joined) }), '... and the agent has kept no copy of it';
close $near;
ok wait_until($loop, sub { $$ended }), 'the relay goes, and it is over';

($display, $near, $ended) = display($relay, takes_descriptor => 1);
close joined($near);
syswrite $near, "PUMP\nearly";
ok wait_until($loop, sub { $got = heard($joined) }), 'what the relay does not take is pumped';
is $got, 'early', '... with all that was said';
syswrite $joined, 'back';
ok wait_until($loop, sub { $got = heard($near) }), '... both ways';
is $got, 'back', '... as it was said';
$display->close;

($display, $near, $ended) = display($relay, takes_descriptor => 1);
close joined($near);
syswrite $near, "NO\n";
ok wait_until($loop, sub { $$ended }), 'another answer is the end';

close $x; unlink "$dir/x";
($display, $near, $ended) = display($relay);
syswrite $near, "OK\n";
ok wait_until($loop, sub { $$ended }), 'an X server that is gone is not waited for';
my $private = listener("$dir/private", 5);
($display) = display($private, private_address => "$dir/private");
FastX::Loop::set_nonblocking($relay);
ok !accept(my $nobody, $relay), 'who has a private socket does not dial the common one';
$display->close;
close $private;
($display) = display($relay, private_address => "$dir/private");
pass 'a private socket of a relay that is gone: the common one is dialled';
$display->close;
unlink "$dir/private";
($display) = display($relay, private_address => "$dir/private");
pass '... and so it is when there is none';
$display->close;

my $viewers = FastX::Viewers->new(loop => $loop, address => "unix:$dir/display.sock", token => 't');
$viewers->prefer('displays/0123456789abcdef');
is $viewers->{private_address}, "unix:$dir/displays/0123456789abcdef", 'a private socket is beside the common one';
for my $name (undef, '', 'x', '../x', 'displays/../x', '/displays/0', "displays/0\n", 'displays/0/1') {
    $viewers->prefer('displays/0');
    $viewers->prefer($name);
    is $viewers->{private_address}, undef, '... and nowhere else: ' . (defined $name ? FastX::JSON::encode([$name]) : 'none');
}
done_testing;
