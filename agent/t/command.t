# Programs run, end and are ended as told.
use strict; use warnings; use lib 't/lib', 'agent/t/lib';
use Test::More;
use FastX::Command;
use FastX::Loop;
use FastX::Process;
use Relay 'wait_until';

$SIG{PIPE} = 'IGNORE';
my $loop = FastX::Loop->new;
sub started {
    my ($argv, %option) = @_;
    my $seen = { output => '' };
    $seen->{command} = FastX::Command->new(
        loop => $loop, argv => $argv, environment => { PATH => $ENV{PATH}, GREETING => 'hello' }, directory => '/', tail_bytes => 50,
        on_output => sub { $seen->{output} .= $_[0] }, on_running => sub { $seen->{running} = 1 },
        on_failed => sub { $seen->{failed} = "@_" }, on_exit => sub { $seen->{status} = $_[0] }, %option,
    );
    $seen->{command}->start;
    return $seen;
}
sub ended { my ($seen) = @_; return wait_until($loop, sub { defined $seen->{status} || $seen->{failed} }) }

my $seen = started([ '/bin/sh', '-c', 'echo $GREETING; pwd; echo oops >&2; exit 5' ]);
ok ended($seen), 'a program ends';
$seen->{command}->close_output;
is FastX::Process::exit_code($seen->{status}), 5, 'its exit code';
is $seen->{output}, "hello\n/\noops\n", 'its output, both streams, its environment and directory';
ok $seen->{running}, 'it was said to run';
ok !$seen->{failed}, 'it did not fail';

$seen = started([ 'no-such-program' ]);
ok ended($seen), 'a missing program';
is $seen->{failed}, 'exec 2', '... is told with its errno';
ok !$seen->{running}, '... and never said to run';
for ([ 'no-such-program', 'exec 2', undef ], [ 'true', undef, 0 ]) {
    my ($program, $failure, $status) = @$_;
    $seen = started([$program]);
    waitpid $seen->{command}->pid, 0;
    $seen->{command}->_ended($?);
    $loop->_fire_timers;
    is $seen->{failed}, $failure, "$program: how it began is known when it has ended, before the loop has come to it";
    is $seen->{status}, $status, '... and its end is told once';
    is $seen->{running}, defined $failure ? undef : 1, '... after its beginning';
    $loop->run_once;
}
$seen = started([ '/bin/true' ], directory => '/no/such/folder');
ok ended($seen) && $seen->{failed} eq 'chdir 2', 'a missing directory is told apart';
$seen = started([ '/bin/echo', "a b", "\$x", "\xff*" ]);
ended($seen); $seen->{command}->close_output;
is $seen->{output}, "a b \$x \xff*\n", 'arguments arrive byte for byte';

$seen = started([ '/bin/sh', '-c', 'kill -9 $$' ]);
ended($seen);
is FastX::Process::exit_code($seen->{status}), 137, 'a signal is 128 + its number';
is FastX::Process::signal_number($seen->{status}), 9, '... and told';

$seen = started([ '/bin/sh', '-c', 'echo up; sleep 100 & wait' ]);
wait_until($loop, sub { $seen->{output} });
$seen->{command}->terminate(10);
ok ended($seen), 'TERM ends a program';
is FastX::Process::signal_number($seen->{status}), 15, '... by TERM';

# Again and again: a process just forked has not left the group of its parent yet.
for my $way (sub { $_[0]->terminate(60) }, sub { $_[0]->kill_now }) {
    my @seen = map { my $new = started([ 'sleep', '100' ]); $way->($new->{command}); $new } 1 .. 20;
    ok wait_until($loop, sub { !grep { !defined $_->{status} } @seen }), 'a program ends that is told so when it was hardly started';
}

$seen = started([ $^X, '-e', '$| = 1; $SIG{TERM} = "IGNORE"; print "up\n"; sleep 100' ]);
wait_until($loop, sub { $seen->{output} });
$seen->{command}->terminate(0.1);
ok ended($seen), 'a program that ignores TERM';
is FastX::Process::signal_number($seen->{status}), 9, '... is ended by KILL';

$seen = started([ $^X, '-e', 'print "$SIG{PIPE}|" . (getppid() == getpgrp() ? "same" : "own")' ]);
ended($seen); $seen->{command}->close_output;
is $seen->{output}, '|own', 'a group of its own, and SIGPIPE as it was born';

$seen = started([ $^X, '-e', 'print "x" x 1000, "\n" for 1 .. 5000; print "the end"' ], on_output => sub { });
ended($seen); $seen->{command}->close_output;
is length $seen->{command}{tail}->bytes, 50, 'the tail of much output is bounded';
like $seen->{command}->tail_text, qr/the end\z/, '... and its end';

my $own = do { open my $file, '<', '/proc/self/oom_score_adj' or die "/proc: $!"; <$file> };
$seen = started([ $^X, '-e', 'open my $file, "<", "/proc/self/oom_score_adj"; print <$file>' ]);
ended($seen); $seen->{command}->close_output;
is $seen->{output} + 0, $own + 500 > 1000 ? 1000 : $own + 500, 'when memory runs out, a program goes before the agent';
done_testing;
