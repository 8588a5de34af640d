package Relay;

# A relay for tests, on the loop of the test: takes callbacks, holds the control
# stream, accepts display streams.

use strict;
use warnings;

use Exporter 'import';
use FastX::JSON;
use File::Temp 'tempdir';
use FastX::Loop;
use Socket qw(AF_UNIX SOCK_STREAM SOMAXCONN pack_sockaddr_un);

our @EXPORT_OK = qw(wait_until scratch);

sub scratch { return tempdir('fx-XXXXXX', TMPDIR => 1, CLEANUP => 1) }

# Turns the loop until the condition holds; false after the deadline.
sub wait_until {
    my ($loop, $condition, $seconds) = @_;
    my $late;
    my $timer = $loop->after($seconds // 10, sub { $late = 1 });
    $loop->run_once while !$condition->() && !$late;
    $loop->cancel($timer);
    return !$late;
}

# Options: loop, directory, answer($callback, $number) -> status or [status, headers],
# keeps (connections are kept, unless the answer says otherwise).
sub new {
    my ($class, %option) = @_;
    my $self = bless {
        answer => sub { 204 }, %option,
        callbacks => [], requests => 0, streams => [], displays => [], dialled => 0, kept => [],
    }, $class;
    $self->{session_path} = "$self->{directory}/session.sock";
    $self->{display_path} = "$self->{directory}/display.sock";
    return $self;
}

sub listen {
    my ($self) = @_;
    $self->{listeners} = [
        $self->_listen($self->{session_path}, sub { $self->_serve(@_) }),
        $self->_listen($self->{display_path}, sub { $self->_greet(@_) }),
    ];
    return $self;
}

sub vanish {
    my ($self) = @_;
    $self->{loop}->close($_) for @{ delete $self->{listeners} }, @{ $self->{streams} };
    @{ $self->{streams} } = ();
    $self->hang_up;
    unlink @{$self}{qw(session_path display_path)};
    return;
}

# Ends the connections that are kept.
sub hang_up {
    my ($self) = @_;
    $self->{loop}->close($_) for splice @{ $self->{kept} };
    return;
}

sub callback {
    my ($self, $type) = @_;
    return (grep { $_->{type} eq $type } @{ $self->{callbacks} })[0];
}

sub types { return join ' ', map { $_->{type} } @{ $_[0]{callbacks} } }

sub say_line {
    my ($self, $line) = @_;
    syswrite $self->{streams}[-1], sprintf "%x\r\n%s\r\n", length "$line\n", "$line\n";
    return;
}

sub command {
    my ($self, %fields) = @_;
    return $self->say_line(FastX::JSON::encode(\%fields));
}

sub _listen {
    my ($self, $path, $on_connection) = @_;
    socket my $listener, AF_UNIX, SOCK_STREAM, 0 or die $!;
    bind $listener, pack_sockaddr_un($path) or die "$path: $!";
    CORE::listen $listener, SOMAXCONN or die $!;
    $self->{loop}->on_readable($listener, sub {
        accept my $connection, $listener or return;
        $on_connection->($connection);
    });
    return $listener;
}

sub _serve {
    my ($self, $connection) = @_;
    $self->{dialled}++;
    return $self->_await_request($connection);
}

sub _await_request {
    my ($self, $connection) = @_;
    my $got = '';
    $self->{loop}->on_readable($connection, sub {
        my $count = sysread $connection, $got, 65_536, length $got;
        return $self->{loop}->close($connection) if !$count;
        my ($head, $body) = $got =~ /\A(.*?\r\n)\r\n(.*)\z/s or return;
        my ($length) = $head =~ /^Content-Length: (\d+)/mi;
        return if defined $length && length $body < $length;
        $self->{loop}->ignore_readable($connection);
        $self->_answer($connection, $head, $body);
    });
    return;
}

sub _answer {
    my ($self, $connection, $head, $body) = @_;
    $self->{last_head} = $head;
    if ($head =~ m{\AGET /v1/commands }) {
        my $status = ref $self->{control_status} ? shift @{ $self->{control_status} } : $self->{control_status};
        if ($status) {
            syswrite $connection, "HTTP/1.1 $status Sorry\r\nContent-Length: 0\r\n\r\n";
            return $self->{loop}->close($connection);
        }
        push @{ $self->{streams} }, $connection;
        return syswrite $connection, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\n\r\n";
    }
    my ($callback) = FastX::JSON::decode($body);
    my $answer = $self->{answer}->($callback, ++$self->{requests});
    my ($status, @headers) = ref $answer ? @$answer : $answer;
    push @{ $self->{callbacks} }, $callback if $status == 204;
    my $is_kept = $self->{keeps} && $status && !grep { /\AConnection: close\z/ } @headers;
    push @headers, 'Content-Length: 0' if $status != 204;
    syswrite $connection, join("\r\n", "HTTP/1.1 $status Answer", @headers, '', '') if $status;
    return $self->{loop}->close($connection) if !$is_kept;
    push @{ $self->{kept} }, $connection if !grep { $_ == $connection } @{ $self->{kept} };
    return $self->_await_request($connection);
}

sub _greet {
    my ($self, $connection) = @_;
    my $line = '';
    $self->{loop}->on_readable($connection, sub {
        sysread $connection, $line, 1, length $line or return $self->{loop}->close($connection);
        return if $line !~ /\n/;
        $self->{loop}->ignore_readable($connection);
        push @{ $self->{displays} }, { handle => $connection, line => $line };
    });
    return;
}

1;
