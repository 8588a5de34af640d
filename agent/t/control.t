# Commands arrive whatever the relay does between them.
use strict; use warnings; use lib 't/lib', 'agent/t/lib';
use Test::More;
use FastX::Backoff;
use FastX::Control;
use FastX::Loop;
use Relay qw(wait_until scratch);

$SIG{PIPE} = 'IGNORE';
open STDERR, '>', '/dev/null';
my $loop = FastX::Loop->new;
my $relay = Relay->new(loop => $loop, directory => scratch(), control_status => [ 503, 500 ]);
my (@commands, $opened, $unknown);
my $control = FastX::Control->new(loop => $loop, address => $relay->{session_path}, token => 'T', on_contact => sub { },
    on_open => sub { $opened++ }, on_command => sub { push @commands, $_[0] }, on_unknown => sub { $unknown++ });
$control->start;
$loop->run_once;
$relay->listen;
ok wait_until($loop, sub { $opened }), 'open after no relay and two errors';
$relay->say_line($_) for '', '{"type":"ping","n":1}', 'garbage', '[]', '{"type":null}', '{"type":{}}', "\xff", '{"type":"ping","n":2}';
ok wait_until($loop, sub { @commands == 2 }), 'garbage and keep-alives are passed over';
is $commands[1]{n}, 2, 'commands arrive';
syswrite $relay->{streams}[-1], "5\r\n{\"typ\r\n15\r\ne\":\"split\"}\n{\"type\":\"\r\n5\r\nx\"}\n\n\r\n";
ok wait_until($loop, sub { @commands == 4 }), 'lines that are spread over chunks';
is "$commands[2]{type} $commands[3]{type}", 'split x', '... are whole';
$relay->vanish;
ok wait_until($loop, sub { !$control->is_open }), 'the relay goes away';
$relay->listen;
ok wait_until($loop, sub { ($opened // 0) == 2 }), '... and is found again';
$relay->command(type => 'ping', n => 3);
ok wait_until($loop, sub { @commands == 5 }), '... with commands';
syswrite $relay->{streams}[-1], sprintf "%x\r\n%s\r\n", 100_000, 'x' x 100_000;
ok wait_until($loop, sub { $opened == 3 }), 'an endless line costs the connection, nothing else';
$relay->{control_status} = 410;
$loop->close(pop @{ $relay->{streams} }) while @{ $relay->{streams} };
ok wait_until($loop, sub { $unknown }), '410 means that the session is unknown';

my $backoff = FastX::Backoff->new(first_seconds => 0.1, most_seconds => 5);
my @waits = map { $backoff->next_seconds } 1 .. 50;
ok !(grep { $_ < 0.05 || $_ > 5 } @waits), 'waits are between half the first and the most';
cmp_ok $waits[-1], '>=', 2.5, '... and grow';
$backoff->reset;
cmp_ok $backoff->next_seconds, '<=', 0.1, '... and start anew';
done_testing;
