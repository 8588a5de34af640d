# Callbacks arrive in order, each until the relay takes it, numbered from one.
use strict; use warnings; use lib 't/lib', 'agent/t/lib';
use Test::More;
use FastX::Callbacks;
use FastX::Loop;
use Relay qw(wait_until scratch);

$SIG{PIPE} = 'IGNORE';
open STDERR, '>', '/dev/null';
my $loop = FastX::Loop->new;
sub pair {
    my (%option) = @_;
    my $relay = Relay->new(loop => $loop, directory => scratch(), %option);
    my %told = (unknown => 0, contact => 0);
    my $callbacks = FastX::Callbacks->new(loop => $loop, address => "unix:$relay->{session_path}", token => 'T',
        on_unknown => sub { $told{unknown}++ }, on_contact => sub { $told{contact}++ });
    return ($relay, $callbacks, \%told);
}
sub sequence { return join ' ', map { "$_->{seq}:$_->{type}" } @{ $_[0]{callbacks} } }

my ($relay, $callbacks, $told) = pair();
$relay->listen;
$callbacks->send('started', pid => 5);
$callbacks->send('ready', display => ':1');
ok wait_until($loop, sub { $callbacks->is_idle }), 'delivered';
is sequence($relay), '1:started 2:ready', 'in order';
is $relay->{callbacks}[0]{pid}, 5, 'with fields';
like $relay->{callbacks}[0]{at}, qr/\A[0-9]+\z/, '... and the time';
like $relay->{last_head}, qr/^Authorization: Bearer T\r$/m, 'authorized';

($relay, $callbacks, $told) = pair();
$callbacks->send('started');
$callbacks->send('heartbeat', n => $_) for 1 .. 50;
$callbacks->send('exited', exit_code => 0);
$loop->run_once for 1 .. 3;
is $told->{contact}, 0, 'no relay, no contact';
$relay->listen;
ok wait_until($loop, sub { $callbacks->is_idle }), 'a relay that comes later gets them';
is sequence($relay), '1:started 2:heartbeat 3:exited', 'old heartbeats that never left are one';
is $relay->{callbacks}[1]{n}, 50, '... the newest';

my @seen;
my @answers = (503, 429, 0, 408, [ 500, 'Retry-After: 0' ], 204, 400, 204);
($relay, $callbacks, $told) = pair(answer => sub { push @seen, "$_[0]{seq}:$_[0]{type}"; shift @answers });
$relay->listen;
$callbacks->send($_) for qw(a b c);
ok wait_until($loop, sub { $callbacks->is_idle }, 30), 'through errors';
is "@seen", '1:a 1:a 1:a 1:a 1:a 1:a 2:b 3:c', 'the same number until it is taken; a refusal is final';

for my $status (401, 404, 410) {
    ($relay, $callbacks, $told) = pair(answer => sub { $status });
    $relay->listen;
    $callbacks->send($_) for qw(a b);
    ok wait_until($loop, sub { $told->{unknown} }), "$status means that the session is unknown";
    ok $callbacks->is_idle, '... and the rest is dropped';
}

($relay, $callbacks, $told) = pair();
$callbacks->send("t$_") for 1 .. 1000;
cmp_ok scalar @{ $callbacks->{queue} }, '<=', 256, 'the queue is bounded';
is $callbacks->{queue}[-1]{type}, 't1000', '... and keeps the latest';
$callbacks->close;
ok $callbacks->is_idle, 'closed';
done_testing;
