#!/usr/bin/perl
# Answers on descriptor 3; what is asked of it is done by a child, as servers with workers do.
use strict; use Socket; use POSIX ();
$| = 1; $SIG{CHLD} = $SIG{PIPE} = 'IGNORE';
open(my $listener, '+<&=', 3) or die "no descriptor 3: $!";
sub is_child { my $pid = fork; defined $pid && !$pid }
while (1) {
  accept(my $visitor, $listener) or next;
  my $line = <$visitor> // ''; while (defined(my $field = <$visitor>)) { last if $field =~ /^\r?$/ }
  my ($path) = $line =~ m{^\w+ (\S+)};
  my $body = "$ENV{ONDOL_APP}";
  if ($path =~ m{^/read(.*)}) { $body = -d $1 ? (opendir(my $d, $1) ? 'read' : "$!") : (open(my $f, '<', $1) ? 'read' : "$!") }
  elsif ($path =~ m{^/write(.*)}) { $body = open(my $f, '>>', $1) ? 'written' : "$!" }
  elsif ($path eq '/eat' && is_child()) { my @all; push @all, 'x' x 1e6 while 1 }
  elsif ($path eq '/fork' && is_child()) { while (1) { my $pid = fork; if (defined $pid && !$pid) { sleep 60; POSIX::_exit(0) } } }
  elsif ($path eq '/log' && is_child()) { print 'y' x 200, "\n" while 1 }
  elsif ($path eq '/spin' && is_child()) { 1 while 1 }
  elsif ($path eq '/open' && is_child()) { my @all; while (open(my $f, '<', '/dev/null')) { push @all, $f } sleep 600; POSIX::_exit(0) }
  elsif ($path eq '/who') { $body = "$< $) $$" }
  print {$visitor} "HTTP/1.1 200 OK\r\nContent-Length: ", length $body, "\r\nConnection: close\r\n\r\n$body";
  close $visitor;
}
