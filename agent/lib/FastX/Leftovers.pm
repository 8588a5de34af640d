package FastX::Leftovers;

# Processes that outlive the command that started them: daemons of a desktop,
# children of a terminal. They are known by the session of processes they
# belong to, or by the session id in their environment when they made one of
# their own.

use strict;
use warnings;

use constant {
    LOOK_EVERY_SECONDS => 0.05,
    MOST_KILLS         => 20,
    MARK               => 'FASTX_SESSION_ID',
};

# Pids of them. $keep: pids that are never meant.
sub find {
    my ($session_id, $process_sessions, $keep) = @_;
    my %keep      = map { $_ => 1 } 1, $$, @$keep;
    my %of_ours   = map { $_ => 1 } @$process_sessions;
    my $mark      = MARK . "=$session_id\0";
    opendir my $proc, '/proc' or return ();
    return grep { /\A[0-9]+\z/ && !$keep{$_} && _belongs($_, \%of_ours, $mark) } readdir $proc;
}

sub _belongs {
    my ($pid, $of_ours, $mark) = @_;
    my $stat = _read("/proc/$pid/stat") // return 0;
    # The name may hold anything, blanks and brackets too; it ends at the last one.
    my ($state, undef, undef, $session) = split ' ', $stat =~ s/\A.*\)//sr;
    return 0 if !defined $session || $state eq 'Z' || $state eq 'X';
    return 1 if $of_ours->{$session};
    my $environment = _read("/proc/$pid/environ") // return 0;
    return index("\0$environment", "\0$mark") >= 0;
}

sub _read {
    my ($path) = @_;
    open my $file, '<:raw', $path or return undef;
    sysread $file, my $bytes, 1_048_576;
    return $bytes;
}

# Options: loop, find (a function that lists them), grace_seconds, on_done.
# TERM, then KILL for whoever is left.
sub end {
    my (%option) = @_;
    my @pids = $option{find}->();
    return $option{on_done}->() if !@pids;
    kill TERM => @pids;
    # A stopped process takes no TERM before it goes on.
    kill CONT => @pids;
    _look_again(\%option, $option{grace_seconds});
    return;
}

sub _look_again {
    my ($option, $seconds_left) = @_;
    my @pids = $option->{find}->();
    return $option->{on_done}->() if !@pids;
    if ($seconds_left <= 0) {
        # Once is not enough for what forks meanwhile; a process that cannot be killed is let be.
        return $option->{on_done}->() if $option->{kills}++ >= MOST_KILLS;
        kill KILL => @pids;
    }
    $option->{loop}->after(LOOK_EVERY_SECONDS, sub {
        _look_again($option, $seconds_left - LOOK_EVERY_SECONDS);
    });
    return;
}

1;
