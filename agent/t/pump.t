# Bytes arrive whole and in order; who does not drain is not read for.
use strict; use warnings; use lib 't/lib', 'agent/t/lib';
use Test::More;
use FastX::Loop;
use FastX::Pump;
use Relay 'wait_until';
use Socket qw(AF_UNIX SOCK_STREAM);

$SIG{PIPE} = 'IGNORE';
my $loop = FastX::Loop->new;
sub pumped {
    my (%option) = @_;
    socketpair my $near, my $left, AF_UNIX, SOCK_STREAM, 0 or die $!;
    socketpair my $far, my $right, AF_UNIX, SOCK_STREAM, 0 or die $!;
    FastX::Loop::set_nonblocking($_) for $near, $far;
    my $ended = 0;
    my $pump = FastX::Pump->start(loop => $loop, left => $left, right => $right, on_end => sub { $ended++ }, %option);
    return ($near, $far, $pump, \$ended);
}
sub read_all { my ($handle) = @_; my $got = ''; 1 while sysread $handle, $got, 65_536, length $got; return $got }

my ($near, $far, $pump, $ended) = pumped(from_left => 'first ');
syswrite $near, 'ping';
my $got = '';
ok wait_until($loop, sub { $got .= read_all($far); $got eq 'first ping' }), 'there, after what was read before';
syswrite $far, 'pong'; $got = '';
ok wait_until($loop, sub { $got .= read_all($near); $got eq 'pong' }), 'and back';
shutdown $near, 1;
my $eof;
ok wait_until($loop, sub { my $n = sysread $far, my $x, 1; $eof = defined $n && !$n }), 'the end of one side is passed on';
syswrite $far, 'last words'; close $far; $got = '';
ok wait_until($loop, sub { $got .= read_all($near); $got eq 'last words' }), '... while the other may still speak';
ok wait_until($loop, sub { $$ended }), '... and then the pump ends';
is $$ended, 1, '... once';

($near, $far, $pump, $ended) = pumped();
my $block = 'x' x 65_536;
my $sent = 0;
# The other side reads nothing: what can be sent is what the buffers hold.
my $idle = 0;
while ($idle < 3) { my $n = syswrite $near, $block; if ($n) { $sent += $n; $idle = 0 } else { $idle++; $loop->after(0.01, sub { }); $loop->run_once } }
cmp_ok $sent, '<', 8_000_000, "backpressure: $sent bytes and no more were taken";
cmp_ok length($pump->{directions}[0]{held}), '<=', FastX::Pump::READ_BYTES, 'held: one read';
my $received = 0;
ok wait_until($loop, sub { while (my $n = sysread $far, my $x, 65_536) { $received += $n } $received == $sent }), 'all of it arrives once somebody reads';
close $near;
ok wait_until($loop, sub { my $n = sysread $far, my $x, 1; defined $n && !$n }), 'closing is passed on';
close $far;
ok wait_until($loop, sub { $$ended }), 'and ends the pump';

($near, $far, $pump, $ended) = pumped();
my $pattern = join '', map { pack 'N', $_ } 1 .. 500_000;
my ($at, $whole) = (0, '');
ok wait_until($loop, sub {
    while ($at < length $pattern && (my $n = syswrite $near, $pattern, 7_777, $at)) { $at += $n }
    1 while sysread $far, $whole, 3_333, length $whole;
    length $whole == length $pattern;
}, 30), 'odd sizes arrive';
ok $whole eq $pattern, '... in order';
$pump->close; $pump->close;
is $$ended, 1, 'closing twice is harmless';
done_testing;
