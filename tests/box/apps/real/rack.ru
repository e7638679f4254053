# A Rack application, for puma and unicorn.
version = File.read(File.join(__dir__, 'VERSION')).strip

run lambda { |env|
  body = "version=#{version} pid=#{Process.pid} greeting=#{ENV['GREETING']} scheme=#{env['rack.url_scheme']}\n"
  [200, { 'Content-Type' => 'text/plain', 'Content-Length' => body.bytesize.to_s }, [body]]
}
