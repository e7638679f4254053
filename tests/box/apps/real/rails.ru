# A Rails application in one file, in production: it logs to log/, caches in tmp/cache, and knows its host.
require 'action_controller/railtie'

class Tea < Rails::Application
  config.root = __dir__
  config.eager_load = true
  config.secret_key_base = 'of no secret at all, which is enough for tea' * 2
  config.hosts = ['a.test']
  config.cache_store = :file_store, File.join(__dir__, 'tmp/cache')
  routes.append { match '*path', to: 'tea#show', via: :all; root to: 'tea#show' }
end

class TeaController < ActionController::Base
  VERSION = File.read(Rails.root.join('VERSION')).strip

  def show
    cached = Rails.cache.fetch('greeting') { "cached-by-#{Process.pid}" }
    session[:count] = session[:count].to_i + 1
    render plain: "version=#{VERSION} pid=#{Process.pid} greeting=#{ENV['GREETING']} scheme=#{request.scheme} " \
                  "visitor=#{request.remote_ip} env=#{Rails.env} cache=#{cached}\n"
  end
end

Tea.initialize!
run Tea
