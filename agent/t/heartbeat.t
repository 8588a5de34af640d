# When a session speaks of its usage: at once when it is news, else now and then.
use strict; use warnings; use lib 'lib', 'agent/lib';
use Test::More;
use FastX::Heartbeat;
use FastX::Usage;

{ package Clock; sub now { return $_[0]{at} } sub cancel { return } }
{ package Sent; sub send { my ($self, $type, %fields) = @_; push @$self, $fields{usage}; return } }

my %idle = (memory_bytes => 64 << 20, cpu_seconds => 1, processes => 4);
ok !FastX::Usage::is_news({ %idle }, { %idle }, 15), 'the same is no news';
ok !FastX::Usage::is_news({ %idle, @$_ }, { %idle }, 15), "nor is $_->[0] $_->[1]"
    for [ memory_bytes => 68 << 20 ], [ memory_bytes => 60 << 20 ], [ cpu_seconds => 1.15 ];
ok FastX::Usage::is_news({ %idle, @$_ }, { %idle }, 15), "but $_->[0] $_->[1] is"
    for [ memory_bytes => 69 << 20 ], [ memory_bytes => 59 << 20 ], [ cpu_seconds => 1.16 ], [ processes => 3 ], [ processes => 5 ];
ok !FastX::Usage::is_news({ %idle, memory_bytes => 2 << 20 }, { %idle, memory_bytes => 1 << 20 }, 15), 'little memory may double';
ok !FastX::Usage::is_news({}, {}, 15), 'what is not known is no news';

my $clock = bless { at => 100 }, 'Clock';
my $sent  = bless [], 'Sent';
my $heartbeat = FastX::Heartbeat->new(loop => $clock, callbacks => $sent, seconds => 15);
my $usage = { %idle };
no warnings 'redefine';
local *FastX::Usage::read_all = sub { return { %$usage } };
sub beats {
    my ($count) = @_;
    return join '', map { @$sent = (); $clock->{at} += 15; $heartbeat->_beat; scalar @$sent } 1 .. $count;
}
is beats(9), '100010001', 'who stands still is heard of at first and then every fourth time';
$usage->{processes}++;
is beats(5), '10001', 'news goes at once, and silence begins anew';
$usage->{memory_bytes} += 3 << 20;
is beats(1), '0', 'little by little';
$usage->{memory_bytes} += 3 << 20;
is beats(1), '1', '... is news in the end';
@$sent = ();
$heartbeat->send;
is scalar @$sent, 1, 'who is asked answers';
is beats(4), '0001', '... which is a sign of life like any other';
@$sent = ();
$heartbeat->stop;
$heartbeat->send;
is scalar @$sent, 0, 'who is ending says nothing more of it';
done_testing;
