package FastX::Programs;

# Further programs in the session, started by the relay's exec command.

use strict;
use warnings;

use FastX::Command;
use FastX::JSON;
use FastX::Log;
use FastX::Process;

use constant {
    MOST_PROGRAMS => 32,
    OUTPUT_BYTES  => 32_768,
    # What a callback of 64 KiB has room for, escaped.
    REPORT_BYTES  => 60_000,
    EXIT_NOT_RUN  => 126,
    # From KILL until the process is gone; one in an uninterruptible wait may never go.
    END_SECONDS   => 1,
};

# Options: loop, callbacks, on_output($bytes): of programs that nobody waits for.
sub new {
    my ($class, %option) = @_;
    return bless { on_output => sub { }, %option, running => {} }, $class;
}

sub run_in {
    my ($self, $environment, $directory) = @_;
    @{$self}{qw(environment directory)} = ($environment, $directory);
    return;
}

sub groups { return map { $_->group } values %{ $_[0]{running} } }

# $request: { command (text or list), id, wait }.
sub start {
    my ($self, $request) = @_;
    my $report  = $request->{wait} ? sub { $self->_report($request->{id}, @_) } : \&_log_failure;
    my @argv    = _argv($request->{command});
    my $refusal = @argv ? $self->_refusal : 'no command';
    $refusal //= $self->_run(\@argv, $report, $request->{wait} ? sub { } : $self->{on_output});
    return $report->(EXIT_NOT_RUN, $refusal, $refusal) if defined $refusal;
    return;
}

# From now on requests are refused; what runs goes on.
sub admit_no_more { $_[0]{ending} = 1; return }

# Calls back when what runs has ended and was reported, or does not end; nothing
# is reported after that.
sub close {
    my ($self, $on_closed) = @_;
    $self->admit_no_more;
    $self->{on_closed} = $on_closed;
    return $self->_closed if !%{ $self->{running} };
    $self->{timer} = $self->{loop}->after(END_SECONDS, sub { $self->_closed });
    return;
}

sub _closed {
    my ($self) = @_;
    $self->{closed} = 1;
    $self->{loop}->cancel(delete $self->{timer});
    my $on_closed = delete $self->{on_closed};
    $on_closed->() if $on_closed;
    return;
}

sub _refusal {
    my ($self) = @_;
    return $self->{ending} ? 'the session is ending'
        : !$self->{environment} ? 'the display is not ready'
        : keys %{ $self->{running} } >= MOST_PROGRAMS ? 'too many programs are running'
        : undef;
}

# Returns why nothing could be started, or undef.
sub _run {
    my ($self, $argv, $report, $on_output) = @_;
    my $command;
    my $ended = sub {
        my ($exit_code, $complaint) = @_;
        $command->close_output;
        delete $self->{running}{ $command->group };
        $report->($exit_code, $complaint // $command->tail_text, $complaint);
        undef $command;
        $self->_closed if $self->{on_closed} && !%{ $self->{running} };
    };
    $command = FastX::Command->new(
        loop       => $self->{loop},
        argv       => $argv,
        tail_bytes => OUTPUT_BYTES,
        on_output  => $on_output,
        (map { $_ => $self->{$_} } qw(environment directory)),
        on_failed  => sub { local $! = $_[1]; $ended->(EXIT_NOT_RUN, "$_[0]: $!") },
        on_exit    => sub { $ended->(FastX::Process::exit_code($_[0])) },
    );
    if (!eval { $command->start; 1 }) {
        chomp(my $error = $@);
        undef $command;
        return $error;
    }
    $self->{running}{ $command->group } = $command;
    return undef;
}

sub _argv {
    my ($command) = @_;
    return () if !defined $command || (ref $command && ref $command ne 'ARRAY');
    my @argv = ref $command ? @$command : length $command ? ('/bin/sh', '-c', $command) : ();
    return () if grep { !defined || ref || /\0/ } @argv;
    utf8::encode($_) for @argv;
    return @argv;
}

sub _report {
    my ($self, $id, $exit_code, $output) = @_;
    return if $self->{closed};
    $self->{callbacks}->send('exec_exited', id => $id, exit_code => $exit_code,
        output => FastX::JSON::end_within($output, REPORT_BYTES));
    return;
}

# Where nobody waits for the answer, only that there was none to run is worth a word.
sub _log_failure {
    my ($exit_code, $output, $complaint) = @_;
    FastX::Log::line("exec failed: $complaint") if defined $complaint;
    return;
}

1;
